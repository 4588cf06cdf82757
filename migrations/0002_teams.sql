-- An organization is a node of a tree: path is '/' + the ids from the root down to itself, each followed by '/'.
CREATE TABLE organizations (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    description TEXT,
    parent_id TEXT,
    path TEXT NOT NULL,
    depth BIGINT NOT NULL,
    default_team_id TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT organizations_depth CHECK (depth BETWEEN 1 AND 8),
    CONSTRAINT organizations_parent FOREIGN KEY (account_id, parent_id) REFERENCES organizations (account_id, id)
);
CREATE UNIQUE INDEX organizations_external_id ON organizations (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX organizations_by_path ON organizations (account_id, path);
CREATE INDEX organizations_by_parent ON organizations (account_id, parent_id, id);
CREATE INDEX organizations_by_name ON organizations (account_id, name_key, id);
CREATE INDEX organizations_by_created ON organizations (account_id, created_at, id);

CREATE TABLE teams (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    description TEXT,
    organization_id TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, id),
    CONSTRAINT teams_organization FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id)
);
CREATE UNIQUE INDEX teams_name ON teams (account_id, coalesce(organization_id, ''), name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX teams_external_id ON teams (account_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX teams_by_created ON teams (account_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX teams_by_name ON teams (account_id, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX teams_by_organization ON teams (account_id, organization_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE team_members (
    account_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    managed_by TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, team_id, user_id),
    CONSTRAINT team_members_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    CONSTRAINT team_members_user FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX team_members_by_user ON team_members (account_id, user_id, joined_at, team_id);
CREATE INDEX team_members_owners ON team_members (account_id, team_id) WHERE role = 'owner';

-- A role on an organization, which goes down its tree.
CREATE TABLE organization_members (
    account_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, organization_id, user_id),
    FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX organization_members_by_user ON organization_members (account_id, user_id);

-- Which team people of an address's domain belong to.
CREATE TABLE domain_claims (
    account_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    team_id TEXT NOT NULL,
    proof TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, domain),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
