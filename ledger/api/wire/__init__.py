"""What stands between the network and the service: who may hold a connection, how a request may be framed, TLS. Strangers stop nobody."""
