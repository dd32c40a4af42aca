"""The networks of the paper and of its neighbours; each file is one of them."""
