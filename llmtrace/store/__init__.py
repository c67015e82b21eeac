"""What is kept: records of spans, the writer that puts them into a database, and what deletes them again."""
