//! The ways on which a place comes about. Every holder names one, so a new way cannot be added without a new word here.

crate::words! {
    /// What brings a place, or the wait for one, about.
    pub enum Cause {
        /// It was given by name, by the API, the dashboard or a bulk job.
        Api = "api",
        /// A provision gave it.
        Provision = "provision",
        /// It is held, or waited for, for somebody who was invited and has not accepted yet.
        Invited = "invited",
        /// An invitation was accepted.
        Invitation = "invitation",
        /// Somebody joined by a link.
        Link = "link",
        /// A request for it was approved.
        Request = "request",
        /// It was kept by a hold.
        Hold = "hold",
        /// Somebody else handed it over.
        Transfer = "transfer",
        /// Its holder, or the place itself, moved to another team.
        Move = "move",
        /// Its holder or their team was restored.
        Restore = "restore",
    }
}
