-- The record's database is made by the server's own set-up; the private notes and the keyring are databases of their own.
CREATE DATABASE private OWNER aside;
CREATE DATABASE keyring OWNER aside;
REVOKE CONNECT ON DATABASE record, private, keyring FROM PUBLIC;
