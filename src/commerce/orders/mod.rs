//! Orders: purchases, from the draft to the places that come of them and back again.
//!
//! An order is one row that is written as a whole over its version, so that of two who change it at once one plans anew
//! from what the other has left: it is paid, fulfilled and refunded once, however often and in however many places at
//! once it is asked for. What happens to places and credits is in the same list of writes. An order that is paid and
//! whose places cannot be given stays paid, with the reason, and can be fulfilled again or refunded.

pub mod actions;
pub mod input;
pub mod lines;
pub mod order;
pub mod place;
pub mod provisioned;
pub mod refund;
pub mod refunded;
pub mod scene;
pub mod work;

pub use order::Order;
pub use refunded::OrderRefund;
