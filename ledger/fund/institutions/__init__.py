"""Designated institutions: master data, enrolment, and where each is paid, by two persons. On nothing of the fund."""
