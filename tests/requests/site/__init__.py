"""A host project with pages that call a model, served by real processes."""
