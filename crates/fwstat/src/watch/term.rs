//! The terminal: the only file that changes its state, and that puts it back whatever ends the program.
//!
//! Responsible for: raw mode, the other screen, signals, the panic hook, the clipboard (OSC 52), keys as they are named
//! in the table.
//! Must not know: what is shown, what a key does.
//! Tested by: `tests/cli/watch.rs`, in tmux.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::event::{
    self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use ratatui_crossterm::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui_crossterm::crossterm::{cursor, execute, queue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::low_level::emulate_default_handler;

use super::keys::Key;

/// Bytes of a text that terminals take into their clipboard.
const CLIPBOARD: usize = 74_000;

/// What the terminal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A key.
    Key(Key),
    /// The wheel at a column and a row, up or down.
    Wheel(u16, u16, bool),
    /// A click at a column and a row.
    Click(u16, u16),
    /// Another size.
    Resize(u16, u16),
    /// The program was stopped, and goes on.
    Continued,
    /// A signal says that it should end.
    End,
}

/// The terminal on standard output, taken over. Dropped, it is as it was.
pub struct Term {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
    /// Where keys come from: standard input, or the terminal itself where that is a pipe.
    keys: OwnedFd,
    ends: Arc<AtomicBool>,
    stops: Arc<AtomicBool>,
    goes_on: Arc<AtomicBool>,
    mouse: bool,
}

/// The terminal tells of clicks and of the wheel, but not of every motion: text can still be selected with Shift.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const NO_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";

/// Gives the terminal back; what cannot be written to is gone.
fn leave() {
    let _ = io::stdout().write_all(NO_MOUSE.as_bytes());
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, cursor::Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
}

fn keys() -> io::Result<OwnedFd> {
    match io::stdin().is_terminal() {
        true => io::stdin().as_fd().try_clone_to_owned(),
        false => File::open("/dev/tty").map(OwnedFd::from),
    }
}

/// Set by the signals that end a program; the second one ends it at once.
///
/// # Errors
/// The system takes no handler.
pub fn ends() -> io::Result<Arc<AtomicBool>> {
    let ends = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&ends))?;
        signal_hook::flag::register(signal, Arc::clone(&ends))?;
    }
    Ok(ends)
}

impl Term {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// There is no terminal.
    pub fn new() -> io::Result<Term> {
        let flag = |signals: &[i32]| -> io::Result<Arc<AtomicBool>> {
            let flag = Arc::new(AtomicBool::new(false));
            for signal in signals {
                signal_hook::flag::register(*signal, Arc::clone(&flag))?;
            }
            Ok(flag)
        };
        let ends = ends()?;
        let (stops, goes_on) = (flag(&[SIGTSTP])?, flag(&[SIGCONT])?);
        // Words of a panic belong on the screen that stays.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
        enter().inspect_err(|_| leave())?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| leave())?;
        let keys = keys().inspect_err(|_| leave())?;
        Ok(Term { terminal, keys, ends, stops, goes_on, mouse: false })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |size| (size.width, size.height))
    }

    /// Waits for something to happen, at most so long.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn heard(&mut self, most: Duration) -> io::Result<Option<Heard>> {
        if self.ends.load(Ordering::Relaxed) {
            return Ok(Some(Heard::End));
        }
        if self.stops.swap(false, Ordering::Relaxed) {
            self.suspend()?;
            return Ok(Some(Heard::Continued));
        }
        if self.goes_on.swap(false, Ordering::Relaxed) {
            self.again()?;
            return Ok(Some(Heard::Continued));
        }
        // What was read already is taken before more is waited for.
        let mut is_there = false;
        for wait in [Duration::ZERO, most] {
            // crossterm reads on for ever when the terminal is gone: that is seen before it is asked.
            if !self.is_alive(wait) {
                return Ok(Some(Heard::End));
            }
            is_there = match event::poll(Duration::ZERO) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
                polled => polled?,
            };
            if is_there {
                break;
            }
        }
        if !is_there {
            return Ok(None);
        }
        Ok(match event::read()? {
            Event::Key(pressed) if pressed.kind != KeyEventKind::Release => {
                key(pressed.code, pressed.modifiers).map(Heard::Key)
            }
            Event::Mouse(mouse) => {
                let (x, y) = (mouse.column, mouse.row);
                match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Some(Heard::Click(x, y)),
                    MouseEventKind::ScrollUp => Some(Heard::Wheel(x, y, false)),
                    MouseEventKind::ScrollDown => Some(Heard::Wheel(x, y, true)),
                    _ => None,
                }
            }
            Event::Resize(width, height) => Some(Heard::Resize(width, height)),
            _ => None,
        })
    }

    /// Waits for a key, at most so long; whether there is still a terminal. A signal ends the wait.
    fn is_alive(&self, most: Duration) -> bool {
        let mut keys = [PollFd::new(&self.keys, PollFlags::IN)];
        let seconds = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
        let time = Timespec { tv_sec: seconds, tv_nsec: most.subsec_nanos().into() };
        let _ = poll(&mut keys, Some(&time));
        !keys[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
    }

    /// Gives the terminal back and stops, until the shell says to go on.
    ///
    /// # Errors
    /// The terminal cannot be taken over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        emulate_default_handler(SIGTSTP)?;
        self.goes_on.store(false, Ordering::Relaxed);
        self.again()
    }

    /// Takes the terminal over again: a shell may have changed it.
    fn again(&mut self) -> io::Result<()> {
        let _ = disable_raw_mode();
        enter()?;
        self.mouse(self.mouse)?;
        self.clear()
    }

    /// Draws; only cells that changed are written, as one picture.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| draw(frame.buffer_mut()))?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen: all of it is drawn anew.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn clear(&mut self) -> io::Result<()> {
        // ratatui's way asks the terminal where its cursor is: not each one answers, and keys that are typed are lost.
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal.swap_buffers();
        Ok(())
    }

    /// Sends a text to the terminal's clipboard; whether it takes it is not known.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let text = &text.as_bytes()[..text.len().min(CLIPBOARD)];
        let packed = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = io::stdout();
        write!(out, "\x1b]52;c;{packed}\x07")?;
        out.flush()
    }

    /// Whether the terminal should tell of the mouse.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        let mut out = io::stdout();
        out.write_all(if on { MOUSE } else { NO_MOUSE }.as_bytes())?;
        out.flush()
    }

    /// The bell.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn bell(&mut self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(b"\x07")?;
        out.flush()
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        leave();
    }
}

/// A key by its name in the table.
fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    if modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    })
}
