"""Checks that business and finance agree: records, declarations, sheets, papers, regions, the equation of a year."""
