"""The demonstration: `python -m project.demo` runs the shop, visits it, and shows the traces that it left."""
