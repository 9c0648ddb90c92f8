"""The tables of a store.

`positions` are those of the input, `answers` what is sent for a plain request, `messages` what came
in, newest by user and topic, `listed` the numbers of the items in the list of a user (int32).
`items` count in how many lists they are; `input` is how far the learner had learnt its own input.
"""

LAYOUT = "1"
"""Raised where a table changes: a store of another layout is made anew from the input."""

TABLES = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE positions (partition TEXT PRIMARY KEY, topic TEXT NOT NULL, next INTEGER NOT NULL,
  origin BLOB, log BLOB);
CREATE TABLE answers (user_id TEXT PRIMARY KEY, answer BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE messages (topic TEXT NOT NULL, user_id TEXT NOT NULL, generation INTEGER NOT NULL,
  sequence INTEGER NOT NULL, message BLOB NOT NULL, checksum INTEGER NOT NULL,
  UNIQUE (topic, user_id));
CREATE TABLE listed (user_id TEXT PRIMARY KEY, items BLOB NOT NULL);
CREATE TABLE items (number INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
  standing INTEGER NOT NULL, arrived INTEGER NOT NULL, lists INTEGER NOT NULL,
  rise REAL NOT NULL, record BLOB);
CREATE INDEX items_by_lists ON items (lists DESC, item_id) WHERE lists > 0 AND standing < 2;
CREATE INDEX items_by_rise ON items (rise DESC, item_id) WHERE rise > 0 AND standing < 2;
CREATE INDEX items_by_arrival ON items (arrived DESC) WHERE standing = 1;
CREATE TABLE categories (category TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (category, number)) WITHOUT ROWID;
CREATE TABLE input (partition TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
