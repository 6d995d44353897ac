"""What banks say: files taken in, papers and statuses matched, booked, or kept for a person. On out, orders."""
