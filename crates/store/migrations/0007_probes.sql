-- The ways in which a node can probe members, as far as its agent says.

ALTER TABLE agents ADD COLUMN probes TEXT NOT NULL DEFAULT '[]';
