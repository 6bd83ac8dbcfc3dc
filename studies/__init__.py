"""The paper's claims, tested at a size that anyone can rerun: ``python -m studies`` (see RESULTS.md)."""
