//! Answers of SQL against those of fwstat's own pipeline, on logs of every form; and the program.

mod corpus;
mod exports;
mod predicates;
mod program;
mod rows;
mod top;
