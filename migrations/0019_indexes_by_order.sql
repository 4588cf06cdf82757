-- As in 0007, for the lists that were without.
DROP INDEX mails_by_state;
CREATE INDEX mails_by_state ON mails (account_id, state, created_at, id);

DROP INDEX erasures_by_user;
CREATE INDEX erasures_by_user ON erasures (account_id, user_id, created_at, id);

CREATE INDEX teams_aside_by_organization ON teams (account_id, organization_id, created_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX teams_aside_by_organization_name ON teams (account_id, organization_id, name_key, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

-- The last person who had this key or this address.
DROP INDEX users_aside_by_external_id;
CREATE INDEX users_aside_by_external_id ON users (account_id, external_id, deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_address ON users (account_id, email_key, deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

DROP INDEX organizations_by_depth;
CREATE INDEX organizations_by_depth ON organizations (account_id, depth, id);
CREATE INDEX organizations_by_depth_created ON organizations (account_id, depth, created_at, id);
CREATE INDEX organizations_by_depth_name ON organizations (account_id, depth, name_key, id);
