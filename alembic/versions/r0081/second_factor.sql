-- Whether everybody who comes in by a provider of identities needs a second factor (access.factor_demanded).
INSERT INTO fund.policy_key VALUES
    ('second_factor',    '登录须有第二因素：动态口令、通行密钥，或身份提供方所称的多因素（未选时no）', 'yes|no');
