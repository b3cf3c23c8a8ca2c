-- RSA key pairs of tokens that others verify with the public half. The newest whose time has come signs; those before it
-- verify for as long as tokens live that they signed. A pair begins to sign some time after it was made, when every
-- process knows it.
create table signing_keys (
    -- What the header of a token names it by: a hash of the public half.
    id text primary key,
    -- PKCS #8, encrypted by the master key.
    wrapped bytea not null,
    signs_from timestamptz not null
);
