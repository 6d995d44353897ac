-- Both are given the business date now: the functions of the same names without it go.
DROP FUNCTION books.open_period(integer, smallint, integer);
DROP FUNCTION books.close_period(integer, smallint, integer);
