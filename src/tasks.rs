//! The one place where tasks begin, so that nothing runs that shutdown does not know of.

use std::future::Future;

use tokio::task::JoinHandle;

/// Runs a future to its end on a task of its own, whatever becomes of the caller.
#[expect(clippy::disallowed_methods, reason = "the one place where tasks begin")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}
