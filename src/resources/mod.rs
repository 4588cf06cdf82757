//! The kinds of records: one file a kind.

pub mod course;
pub mod domain_claim;
pub mod enrollment;
pub mod group;
pub mod group_team;
pub mod member;
pub mod organization;
pub mod product;
pub mod role;
pub mod team;
pub mod user;

pub use course::Course;
pub use domain_claim::DomainClaim;
pub use enrollment::Enrollment;
pub use group::Group;
pub use organization::Organization;
pub use product::Product;
pub use role::Role;
pub use team::Team;
pub use user::User;
