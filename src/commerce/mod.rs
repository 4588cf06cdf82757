//! What is sold and how it is paid for: catalog items, credits, orders.
//!
//! An order is the record of a purchase; a shop that tells it twice finds the same one. Credits are kept in double entry:
//! every movement is a transaction whose entries sum to zero, and the balance of an account moves in the same list of
//! writes, guarded, so that it equals the sum of its entries, always ([`integrity`] proves it). Places come from the seat
//! engine and go back through it.

pub mod account;
pub mod books;
pub mod credits;
pub mod entry;
pub mod integrity;
pub mod item;
pub mod orders;
pub mod payers;
pub mod visibility;

pub use account::CreditAccount;
pub use entry::CreditEntry;
pub use item::CatalogItem;
pub use orders::Order;
