//! The kinds of records: one file a kind.

pub mod course;
pub mod enrollment;
pub mod member;
pub mod organization;
pub mod product;
pub mod role;
pub mod team;
pub mod user;

pub use course::Course;
pub use enrollment::Enrollment;
pub use organization::Organization;
pub use product::Product;
pub use role::Role;
pub use team::Team;
pub use user::User;
