"""THE SIGNATURE: a handler's signature becomes a plan, the plan a compiled call and its documentation."""
