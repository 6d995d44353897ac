"""Who may do what where: users, roles, keys, and the operator log. May import db and below."""
