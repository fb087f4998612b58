//! Every wrong input gets its code, and leaves nothing behind.

mod accounts;
mod desk;
mod domains;
mod files;
mod organizations;
mod requests;
mod speech;
