//! Journals among all inputs.
//!
//! Responsible for: opening those that were named as one set, with an input for each of their files and one for what is
//! written from then on, and what there is to say about a file.
//! Must not know: chunks, other inputs.
//! Tested by: `fwstat/tests/cli/journal.rs`.

use std::sync::Arc;

use super::member::{Member, Refused, Wanted};
use super::plan::{self, Named};
use super::tail::Tail;
use crate::input::error::{InputError, explain};
use crate::input::{Input, InputQueue, State, lock};

impl InputQueue {
    /// Which of a journal's entries are read.
    pub(in crate::input) fn wanted(&self) -> Wanted {
        let (ordered, extents) = (self.reading.ordered, Arc::clone(&self.reading.extents));
        Wanted { ordered, extents, ..self.reading.entries.clone() }
    }

    /// Opens a set of journals, which become neighbouring inputs in the order of their entries.
    pub(in crate::input) fn add_journals(&mut self, journals: Vec<Input>) {
        let wanted = self.wanted();
        let first = journals.first().cloned();
        let named = journals.into_iter().filter_map(|input| match input {
            Input::File(path) => Some(Named::File(path)),
            Input::Journal(folder, machine) => Some(Named::Folder(folder, machine)),
            Input::Stdin | Input::Program(_) | Input::Remote(_) => None,
        });
        let named: Vec<Named> = named.collect();
        let (members, work) = plan::open(named.clone(), &wanted, self.sources.len());
        let mut work = work.into_iter().peekable();
        for (at, member) in members.into_iter().enumerate() {
            let work = work.next_if(|(first, _)| *first == at);
            let state = work.map_or(State::Done, |(_, work)| State::from(work));
            let input = Input::File(member.path.clone());
            if let Err(error) = self.tell(&self.name_of(&input), member) {
                lock(&self.errors).push(error);
            }
            self.add(input, state);
        }
        // What is written from now on.
        if let (Some(input), true) = (first, wanted.taken.is_some()) {
            let tail = Tail::new(named, wanted, self.sources.len());
            self.add(input, State::Tail(Box::new(tail)));
        }
    }

    /// Keeps what there is to say about a journal; an error if it cannot be read.
    pub(in crate::input) fn tell(&self, name: &str, member: Member) -> Result<(), InputError> {
        lock(&self.errors).extend(member.troubles.into_iter().map(|why| InputError::new(name, why)));
        lock(&self.notes).extend(member.notes.into_iter().map(|note| format!("{name}: {note}")));
        match member.refused {
            None => Ok(()),
            Some(Refused::Io(error)) => Err(explain(name, &member.path, &error)),
            Some(Refused::Form(why)) => {
                let hint = format!("journalctl --file {name} -o export _TRANSPORT=kernel | fwstat");
                Err(InputError::new(name, why).hint(hint))
            }
        }
    }
}
