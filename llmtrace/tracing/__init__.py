"""What a call leaves behind: the tracer, the life of a call's span, the attributes of a trace."""
