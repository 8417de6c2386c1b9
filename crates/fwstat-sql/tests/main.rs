//! Answers of SQL against those of fwstat's own pipeline, on logs of every form.

mod corpus;
mod predicates;
mod rows;
mod top;
