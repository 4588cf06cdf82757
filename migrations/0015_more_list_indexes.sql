-- As in 0007, for the lists of tables that came after it.
CREATE INDEX enrollments_by_status_updated ON enrollments (account_id, status, updated_at, id);
CREATE INDEX enrollments_by_status_percent ON enrollments (account_id, status, percent, id);
CREATE INDEX enrollments_by_source_updated ON enrollments (account_id, source, updated_at, id);
CREATE INDEX enrollments_by_source_percent ON enrollments (account_id, source, percent, id);
CREATE INDEX enrollments_by_course_updated ON enrollments (account_id, course_id, updated_at, id);
CREATE INDEX enrollments_by_course_percent ON enrollments (account_id, course_id, percent, id);

CREATE INDEX organizations_below_by_path ON organizations (account_id, parent_id, path, id);

CREATE INDEX invitations_by_state_end ON invitations (account_id, state, expires_at, id);
CREATE INDEX invitations_by_state_email ON invitations (account_id, state, email_key, id);
CREATE INDEX invitations_by_team_end ON invitations (account_id, team_id, expires_at, id);
CREATE INDEX invitations_by_team_email ON invitations (account_id, team_id, email_key, id);

CREATE INDEX link_requests_by_state_email ON link_requests (account_id, state, email_key, id);

CREATE INDEX catalog_items_by_status_name ON catalog_items (account_id, status, name_key, id);

CREATE INDEX domain_claims_by_state_domain ON domain_claims (account_id, state, domain, id);
