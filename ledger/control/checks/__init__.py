"""One file a check, in the rooms of what they look at; `guards` looks at the house itself."""
