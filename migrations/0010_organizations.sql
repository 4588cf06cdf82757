-- How an organization looks, and whether it takes over the look and the catalog of what stands above it.
ALTER TABLE organizations ADD COLUMN branding TEXT NOT NULL DEFAULT '{}';
ALTER TABLE organizations ADD COLUMN inherit_branding BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN inherit_catalog BOOLEAN NOT NULL DEFAULT TRUE;
DROP INDEX IF EXISTS organizations_by_path;
DROP INDEX IF EXISTS organizations_by_parent;
CREATE INDEX organizations_in_tree ON organizations (account_id, path, id);
CREATE INDEX organizations_below ON organizations (account_id, parent_id, created_at, id);
CREATE INDEX organizations_by_depth ON organizations (account_id, depth, created_at, id);
CREATE INDEX organizations_by_default_team ON organizations (account_id, default_team_id) WHERE default_team_id IS NOT NULL;
CREATE INDEX organization_members_in_order ON organization_members (account_id, organization_id, created_at, user_id);

-- An e-mail domain whose people belong to a team, or to the default team of an organization. Only a verified claim
-- leads anybody anywhere. Nothing has ever been able to write the table of this name that was there before.
DROP TABLE domain_claims;
CREATE TABLE domain_claims (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    domain TEXT NOT NULL,
    organization_id TEXT,
    team_id TEXT,
    proof TEXT NOT NULL,
    state TEXT NOT NULL,
    txt_record TEXT NOT NULL,
    verified_at BIGINT,
    checked_at BIGINT,
    check_result TEXT,
    next_check_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT domain_claims_one_target CHECK ((organization_id IS NULL) <> (team_id IS NULL)),
    CONSTRAINT domain_claims_organization FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id),
    CONSTRAINT domain_claims_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE UNIQUE INDEX domain_claims_domain ON domain_claims (account_id, domain);
CREATE INDEX domain_claims_by_created ON domain_claims (account_id, created_at, id);
CREATE INDEX domain_claims_by_organization ON domain_claims (account_id, organization_id, created_at, id) WHERE organization_id IS NOT NULL;
CREATE INDEX domain_claims_by_team ON domain_claims (account_id, team_id, created_at, id) WHERE team_id IS NOT NULL;
CREATE INDEX domain_claims_by_state ON domain_claims (account_id, state, created_at, id);
CREATE INDEX domain_claims_due ON domain_claims (account_id, next_check_at) WHERE next_check_at IS NOT NULL;

-- A group of the LMS.
CREATE TABLE groups (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    lms_group_id TEXT,
    description TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX groups_external_id ON groups (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX groups_lms_group ON groups (account_id, lms_group_id) WHERE lms_group_id IS NOT NULL;
CREATE INDEX groups_by_created ON groups (account_id, created_at, id);
CREATE INDEX groups_by_name ON groups (account_id, name_key, id);

-- Which team a group is kept equal with, and which way.
CREATE TABLE group_teams (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT group_teams_group FOREIGN KEY (account_id, group_id) REFERENCES groups (account_id, id),
    CONSTRAINT group_teams_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE UNIQUE INDEX group_teams_once ON group_teams (account_id, group_id, team_id);
CREATE INDEX group_teams_by_created ON group_teams (account_id, group_id, created_at, id);
CREATE INDEX group_teams_by_team ON group_teams (account_id, team_id, created_at, id);
