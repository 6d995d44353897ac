"""电子会计档案: a closed period packed with its vouchers, books, statements and bank files, an index and their digests."""
