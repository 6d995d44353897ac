-- What was decided without a signature at the moment from which a region demands them.
CREATE TABLE access.before_demand (
    region    integer NOT NULL,
    act       text NOT NULL,
    object    text NOT NULL,
    digest    text NOT NULL,
    user_name text NOT NULL,
    day       date NOT NULL,
    PRIMARY KEY (region, act, object, digest, user_name, day)
);
