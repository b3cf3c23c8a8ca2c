//! Who somebody is: accounts with their sessions, sign-ups, and the names and contacts that only one may hold.
