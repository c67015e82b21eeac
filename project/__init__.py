"""The example site: a small bookshop that calls models in views and jobs, and shows what llmtrace makes of it."""
