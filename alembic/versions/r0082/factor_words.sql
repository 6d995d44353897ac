-- The demand of a second factor is asked of who comes in by a provider of identities (access.factor_demanded): its title says so.
ALTER TABLE fund.policy_key DISABLE TRIGGER USER;
UPDATE fund.policy_key
   SET title = '经统一身份认证登录须有第二因素：动态口令、通行密钥，或身份提供方所称的多因素（未选时no）'
 WHERE key = 'second_factor';
ALTER TABLE fund.policy_key ENABLE TRIGGER USER;
