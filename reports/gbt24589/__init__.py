"""GB/T 24589 会计核算软件数据接口: a book's periods as the XML files an auditor's software reads."""
