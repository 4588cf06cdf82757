-- Each filter of a list begins an index that goes on in each order of the list: (account_id, filter, order, id). Members
-- whose values few records share need but an index of their own.
CREATE INDEX users_by_status_updated ON users (account_id, status, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_status_name ON users (account_id, status, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_status_family ON users (account_id, status, family_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_status_email ON users (account_id, status, email_key, id) WHERE deleted_at IS NULL;

CREATE INDEX teams_by_organization_name ON teams (account_id, organization_id, name_key, id) WHERE deleted_at IS NULL;

DROP INDEX organizations_by_parent;
CREATE INDEX organizations_by_parent ON organizations (account_id, parent_id, created_at, id);
CREATE INDEX organizations_by_parent_name ON organizations (account_id, parent_id, name_key, id);

DROP INDEX seats_by_product;
CREATE INDEX seats_by_product ON seats (account_id, product_id, created_at, id);

DROP INDEX seat_assignments_by_user;
CREATE INDEX seat_assignments_by_user ON seat_assignments (account_id, user_id, created_at, id);
DROP INDEX seat_assignments_by_team;
CREATE INDEX seat_assignments_by_team ON seat_assignments (account_id, team_id, created_at, id);
CREATE INDEX seat_assignments_of_seat ON seat_assignments (account_id, seat_id, created_at, id);
CREATE INDEX seat_assignments_by_state ON seat_assignments (account_id, state, created_at, id);
CREATE INDEX seat_assignments_by_end ON seat_assignments (account_id, expires_at, id) WHERE expires_at IS NOT NULL;

CREATE INDEX seat_ledger_by_cause ON seat_ledger (account_id, seat_id, cause, created_at, id);

DROP INDEX enrollments_by_course;
CREATE INDEX enrollments_by_course ON enrollments (account_id, course_id, created_at, id);
