"""What people look at in the admin: the list of spans, a trace, and what was said in it."""
