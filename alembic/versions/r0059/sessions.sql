-- Where a user comes in from, or tries to: an address as it is counted (of IPv6 a network of 64 bits). `good_at` is when that last went
-- well; NULL, or 180 days ago: a stranger's address. Wrong tries are counted here; those of all strangers' addresses of a name beside it
-- in access.password. What is old is dropped with the next try, so there are at most some forty strangers' rows of a name.
CREATE TABLE access.login_place (
    user_name    text NOT NULL REFERENCES access.app_user,
    address      text NOT NULL CHECK (length(address) <= 64),
    good_at      timestamptz,
    failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    tried_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    locked_until timestamptz,
    PRIMARY KEY (user_name, address)
);

-- Where each came in so far is in the log; IPv6 is counted by its network, which the log does not have.
INSERT INTO access.login_place (user_name, address, good_at, tried_at)
SELECT l.user_name, l.object, max(l.recorded_at), max(l.recorded_at)
  FROM access.operator_log l JOIN access.password p USING (user_name)
 WHERE l.action = 'login' AND l.outcome = 'done' AND l.object ~ '^[0-9]{1,3}([.][0-9]{1,3}){3}$' AND l.recorded_at > now() - interval '180 days'
 GROUP BY l.user_name, l.object;
