-- Roles that an account makes for itself. kind: 'global' holds in the whole account, 'team' in the team where it is given.
-- grants counts how often a role was given to somebody: who deletes it states the count they saw, so none is given meanwhile.
CREATE TABLE custom_roles (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    description TEXT,
    kind TEXT NOT NULL,
    permissions TEXT NOT NULL,
    grants BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX custom_roles_name ON custom_roles (account_id, kind, name_key);
CREATE UNIQUE INDEX custom_roles_external_id ON custom_roles (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX custom_roles_by_created ON custom_roles (account_id, created_at, id);
CREATE INDEX custom_roles_by_name ON custom_roles (account_id, name_key, id);

-- Every role of an account: its own and the built-in ones, whose permissions the program knows.
CREATE VIEW roles AS
SELECT account_id, id, name, name_key, external_id, description, kind, FALSE AS built_in, NULL AS word, permissions, version, created_at, updated_at
FROM custom_roles
UNION ALL
SELECT a.account_id, b.id, b.name, b.name_key, NULL, NULL, b.kind, TRUE, b.word, '[]', 1, a.created_at, a.created_at
FROM accounts a CROSS JOIN (
    SELECT 'role_00000000000000000000000001' AS id, 'Owner' AS name, 'owner' AS name_key, 'global' AS kind, 'owner' AS word
    UNION ALL SELECT 'role_00000000000000000000000002', 'Administrator', 'administrator', 'global', 'admin'
    UNION ALL SELECT 'role_00000000000000000000000003', 'Reporter', 'reporter', 'global', 'reporter'
    UNION ALL SELECT 'role_00000000000000000000000004', 'Organization administrator', 'organization administrator', 'organization', 'organization_admin'
    UNION ALL SELECT 'role_00000000000000000000000005', 'Team owner', 'team owner', 'team', 'owner'
    UNION ALL SELECT 'role_00000000000000000000000006', 'Team manager', 'team manager', 'team', 'manager'
    UNION ALL SELECT 'role_00000000000000000000000007', 'Team member', 'team member', 'team', 'member'
) b;

CREATE INDEX user_roles_by_role ON user_roles (account_id, role, user_id);
CREATE INDEX team_members_by_role ON team_members (account_id, role, team_id, user_id);
CREATE INDEX team_members_by_joined ON team_members (account_id, team_id, joined_at, user_id);
CREATE INDEX organization_members_by_role ON organization_members (account_id, role, organization_id, user_id);

-- Memberships as they are listed: within one team, where the person's id names them; with what people are sought by.
CREATE VIEW members AS
SELECT m.account_id, m.user_id AS id, m.team_id, m.role, m.managed_by, m.joined_at, m.joined_at AS created_at, u.name_key, u.email_key, u.family_key
FROM team_members m JOIN users u ON u.account_id = m.account_id AND u.id = m.user_id;

-- How often an owner has left: of two who leave at once the later one finds another count, and asks again whether somebody is left.
ALTER TABLE accounts ADD COLUMN owner_departures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE teams ADD COLUMN owner_departures BIGINT NOT NULL DEFAULT 0;
