"""One file a noun: what can be read and done over HTTP. Thin: each route is an act or a question asked below."""
