"""会社保01 资产负债表, 会社保02 收支表 and their notes: the forms as a table of rows, the figures, how both statements tie."""
