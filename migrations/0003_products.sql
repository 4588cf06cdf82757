CREATE TABLE courses (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT,
    external_id TEXT,
    description TEXT,
    status TEXT NOT NULL,
    chapters TEXT NOT NULL,
    image_url TEXT,
    lms_course_id TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX courses_external_id ON courses (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX courses_slug ON courses (account_id, slug) WHERE slug IS NOT NULL;
CREATE INDEX courses_by_name ON courses (account_id, name_key, id);
CREATE INDEX courses_by_created ON courses (account_id, created_at, id);

CREATE TABLE products (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    description TEXT,
    status TEXT NOT NULL,
    course_ids TEXT NOT NULL,
    lms_product_id TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX products_external_id ON products (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX products_by_name ON products (account_id, name_key, id);
CREATE INDEX products_by_created ON products (account_id, created_at, id);

CREATE TABLE product_courses (
    account_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    course_id TEXT NOT NULL,
    PRIMARY KEY (account_id, product_id, course_id),
    FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id),
    CONSTRAINT product_courses_course FOREIGN KEY (account_id, course_id) REFERENCES courses (account_id, id)
);
CREATE INDEX product_courses_by_course ON product_courses (account_id, course_id);
