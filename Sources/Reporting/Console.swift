// Owns the descriptor that talk goes to. Does not know what is said: ConsoleState and StatusBlock do.
package import BuildEngine
import CLinux
import Glibc
import Synchronization

/// Writes a run to a descriptor as it happens: lines that stay, and on a terminal a status block below them, drawn at
/// most ten times a second and below each new line. May be called from anywhere; calls are served one after the other and block while the
/// descriptor does.
package final class Console: Sendable {
    /// Between two drawings of the block.
    private static let pause = Duration.milliseconds(100)

    private struct Screen {
        var state: ConsoleState
        /// Columns of each line of the block that is on the terminal now.
        var drawn: [Int] = []
        var lastDrawing: ContinuousClock.Instant
        /// False once the descriptor cannot be written to, or after `finish`.
        var isOpen = true
    }

    private let descriptor: Int32
    private let now: @Sendable () -> ContinuousClock.Instant
    private let screen: Mutex<Screen>

    /// A console on `descriptor`, which stays the caller's. `now` is asked for the time of every drawing.
    package init(
        descriptor: Int32 = STDERR_FILENO, state: ConsoleState,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock().now }
    ) {
        self.descriptor = descriptor
        self.now = now
        // A run that is over at once never shows a block.
        self.screen = Mutex(Screen(state: state, lastDrawing: now()))
    }

    /// Takes `event` in: writes its lines, and draws the block where its time has come.
    package func receive(_ event: Event) {
        let time = now()
        screen.withLock { screen in
            // Asked each time: it may have become another.
            if screen.state.look.isLive { screen.state.width = Self.width(of: descriptor) - 1 }
            let lines = screen.state.apply(event)
            guard screen.isOpen else { return }
            var bytes: [UInt8] = []
            // One that makes room for lines is there again below them: it must not go and come with each.
            let isBelow = !lines.isEmpty && !screen.drawn.isEmpty
            if !lines.isEmpty || screen.state.isOver { clear(&screen, to: &bytes) }
            for line in lines {
                bytes += line.bytes
                bytes.append(UInt8(ascii: "\n"))
            }
            draw(&screen, at: time, isDue: isBelow, to: &bytes)
            write(bytes, on: &screen)
        }
    }

    /// Draws the block anew where its time has come.
    package func refresh() {
        let time = now()
        screen.withLock { screen in
            var bytes: [UInt8] = []
            draw(&screen, at: time, to: &bytes)
            write(bytes, on: &screen)
        }
    }

    /// Keeps the block's times going until the task is cancelled; returns at once where no block is drawn.
    package func keepDrawing() async {
        guard screen.withLock({ $0.state.look.isLive }) else { return }
        while !Task.isCancelled {
            refresh()
            guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
        }
    }

    /// Takes the block off the terminal and draws no more. To be called before the program ends in whatever way; may be
    /// called twice.
    package func finish() {
        screen.withLock { screen in
            var bytes: [UInt8] = []
            clear(&screen, to: &bytes)
            write(bytes, on: &screen)
            screen.isOpen = false
        }
    }

    /// Appends what takes the block off the terminal.
    private func clear(_ screen: inout Screen, to bytes: inout [UInt8]) {
        guard !screen.drawn.isEmpty else { return }
        // A terminal that became narrower since has wrapped what was drawn.
        let width = max(1, Self.width(of: descriptor))
        let rows = screen.drawn.reduce(0) { $0 + max(1, ($1 + width - 1) / width) }
        bytes += "\r\u{1B}[\(rows)A\u{1B}[J".utf8
        screen.drawn = []
    }

    /// Draws where the last drawing is long enough ago, or `isDue`.
    private func draw(
        _ screen: inout Screen, at time: ContinuousClock.Instant, isDue: Bool = false, to bytes: inout [UInt8]
    ) {
        guard screen.isOpen, screen.state.look.isLive, isDue || time - screen.lastDrawing >= Self.pause else { return }
        // One column stays free: some terminals wrap as soon as the last one is filled.
        let block = StatusBlock(width: Self.width(of: descriptor) - 1)
        let lines = block.lines(of: screen.state, at: time)
        clear(&screen, to: &bytes)
        for line in lines {
            bytes += line.utf8
            bytes.append(UInt8(ascii: "\n"))
        }
        screen.drawn = lines.map(\.displayWidth)
        screen.lastDrawing = time
    }

    /// Writes all of `bytes`, or closes the screen.
    private func write(_ bytes: [UInt8], on screen: inout Screen) {
        var rest = bytes[...]
        while screen.isOpen, !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                screen.isOpen = false
            }
        }
    }

    /// Columns of the terminal at `descriptor`; 80 where that is none.
    package static func width(of descriptor: Int32) -> Int {
        let columns = Int(clinux_terminal_width(descriptor))
        return columns > 0 ? columns : 80
    }
}
