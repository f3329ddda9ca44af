// The picture of who asks what of whom: consumers down, providers across. Does not know how a standing was found.

/// What is to be shown of a workspace's contracts.
package struct ContractGrid: Sendable {
    package enum Standing: String, Sendable, Hashable, CaseIterable {
        case verified, failed
        /// Failed, and may: the provider has never done it.
        case pending
        case toDo = "to-do"
        case undeclared

        var mark: String {
            switch self {
            case .verified: "✓"
            case .failed: "✕"
            case .pending: "◔"
            case .toDo: "○"
            case .undeclared: "–"
            }
        }

        /// For people.
        package var words: String {
            switch self {
            case .verified: "verified"
            case .failed: "failed"
            case .pending: "pending"
            case .toDo: "to do"
            case .undeclared: "no verify rule"
            }
        }
    }

    package struct Cell: Sendable, Hashable {
        package let consumer: String
        package let provider: String
        package let standing: Standing
        /// A line for each term, with its own standing.
        package let terms: [(name: String, standing: Standing)]
        /// Such as `5 of 6`.
        package let count: String
        /// Since when it is pending, as people say it; nil where it is not.
        package let since: String?

        /// A cell; `since` where it is pending.
        package init(
            consumer: String, provider: String, standing: Standing, terms: [(name: String, standing: Standing)],
            count: String, since: String? = nil
        ) {
            self.consumer = consumer
            self.provider = provider
            self.standing = standing
            self.terms = terms
            self.count = count
            self.since = since
        }

        fileprivate var words: String { standing.words + (since.map { " since \($0)" } ?? "") }

        package static func == (left: Cell, right: Cell) -> Bool {
            left.consumer == right.consumer && left.provider == right.provider
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(consumer)
            hasher.combine(provider)
        }

        fileprivate var title: String {
            let shown = terms.prefix(12).map { "\n\($0.standing.mark) \($0.name)" }.joined()
            let rest = terms.count > 12 ? "\n… \(terms.count - 12) more" : ""
            return "\(consumer) → \(provider): \(words) (\(count))\(shown)\(rest)"
        }
    }

    private let cells: [Cell]
    private let consumers: [String]
    private let providers: [String]
    private let byPlace: [String: [String: Cell]]
    private let title: String

    /// `title` tells what was looked at.
    package init(_ cells: [Cell], title: String) {
        self.cells = cells
        self.title = title
        consumers = Set(cells.map(\.consumer)).sorted()
        providers = Set(cells.map(\.provider)).sorted()
        byPlace = Dictionary(grouping: cells, by: \.consumer).mapValues { row in
            Dictionary(row.map { ($0.provider, $0) }, uniquingKeysWith: { $1 })
        }
    }

    /// Such as `12 pairs: 9 verified, 1 failed, 2 to do`.
    package var summary: String {
        let counts = Standing.allCases.compactMap { standing -> String? in
            let count = cells.filter { $0.standing == standing }.count
            return count == 0 ? nil : "\(count) \(standing.words)"
        }
        let pairs = cells.count == 1 ? "1 pair" : "\(cells.count) pairs"
        return counts.isEmpty ? pairs : "\(pairs): \(counts.joined(separator: ", "))"
    }

    // MARK: HTML

    /// A page of its own; nothing is loaded.
    package var page: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
        script-src 'unsafe-inline'">
        <title>lmsbuild contracts</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <header><h1>Contracts</h1><p>\(Self.escaped(title))</p><p id="summary">\(summary)</p>
        <p class="tools"><input id="search" type="search" placeholder="Filter by name ( / )" aria-label="Filter by name" \
        autocomplete="off"> \(legend)</p></header>
        <div class="scroll" tabindex="0" role="region" aria-label="Matrix of consumers and providers"><table>
        <thead><tr><th class="corner" scope="col">consumer ↓ provider →</th>\(columns)</tr></thead>
        <tbody>
        \(rows)</tbody>
        </table></div>
        <section id="detail" aria-live="polite"><p>Choose a cell to see what is asked for.</p>\(open)</section>
        <script>\(Self.script)</script>
        </body>
        </html>

        """
    }

    /// The matrix for a page that has a frame of its own: a table, and in words what is not verified. Runs no script, and the
    /// classes of its cells are the standings' names.
    package var section: String {
        if cells.isEmpty { return "<p class=\"soft\">Nobody consumes anybody here.</p>\n" }
        var text = "<p class=\"soft\">\(Self.escaped(title))</p><p>\(summary)</p>\n"
        text += "<div class=\"wide\" tabindex=\"0\"><table class=\"matrix\"><tr><th>consumer ↓ provider →</th>"
        text += providers.map { "<th scope=\"col\">\(Self.escaped($0))</th>" }.joined() + "</tr>\n"
        for consumer in consumers {
            text += "<tr><th scope=\"row\">\(Self.escaped(consumer))</th>"
            for provider in providers {
                guard let cell = byPlace[consumer]?[provider] else {
                    text += "<td></td>"
                    continue
                }
                text += "<td class=\"\(cell.standing.rawValue)\" title=\"\(Self.escaped(cell.title))\">"
                text += "\(cell.standing.mark) \(Self.escaped(cell.count))</td>"
            }
            text += "</tr>\n"
        }
        return text + "</table></div>\n" + open
    }

    /// What is not verified, in words: among hundreds of services nobody finds a cell.
    private var open: String {
        let listed = [Standing.failed, .toDo, .pending].flatMap { standing in
            cells.filter { $0.standing == standing }.map { cell in
                "<li class=\"\(standing.rawValue)\">\(standing.mark) "
                    + Self.escaped("\(cell.consumer) → \(cell.provider): \(cell.words), \(cell.count)") + "</li>"
            }
        }
        if listed.isEmpty { return "" }
        let rest = listed.count > 200 ? "<li>\(listed.count - 200) more</li>" : ""
        return "<ul>\(listed.prefix(200).joined())\(rest)</ul>"
    }

    private var legend: String {
        Standing.allCases.map { standing in
            "<label class=\"key\"><input type=\"checkbox\" data-standing=\"\(standing.rawValue)\" checked>"
                + "<span class=\"mark \(standing.rawValue)\">\(standing.mark)</span>\(standing.words)</label>"
        }.joined(separator: " ")
    }

    private var columns: String {
        providers.map { "<th scope=\"col\" data-name=\"\(Self.escaped($0))\"><span>\(Self.escaped($0))</span></th>" }
            .joined()
    }

    private var rows: String {
        consumers.map { consumer in
            let row = byPlace[consumer] ?? [:]
            let name = Self.escaped(consumer)
            return "<tr data-name=\"\(name)\"><th scope=\"row\">\(name)</th>"
                + providers.map { provider in
                    guard let cell = row[provider] else { return "<td></td>" }
                    return "<td class=\"\(cell.standing.rawValue)\"><button title=\"\(Self.escaped(cell.title))\" "
                        + "aria-label=\"\(Self.escaped("\(consumer) and \(provider): \(cell.words)"))\">"
                        + "\(cell.standing.mark)</button></td>"
                }.joined() + "</tr>\n"
        }.joined()
    }

    // MARK: SVG

    /// The matrix alone, which grows with the number of services.
    package var picture: String {
        let side = 18
        let left = 24 + 7 * (consumers.map(\.count).max() ?? 0)
        let top = 24 + 7 * (providers.map(\.count).max() ?? 0)
        let width = max(left + side * providers.count + 20, 420)
        let height = top + side * consumers.count + 50
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
            role="img" aria-label="\(Self.escaped(summary))">
            <style>\(Self.pictureStyle)</style>
            <rect class="paper" width="\(width)" height="\(height)"/>

            """
        for (place, provider) in providers.enumerated() {
            let x = left + side * place + side / 2
            text += "<text transform=\"translate(\(x + 4),\(top - 8)) rotate(-90)\">\(Self.escaped(provider))</text>\n"
            text += "<path class=\"line\" d=\"M\(x) \(top)V\(top + side * consumers.count)\"/>\n"
        }
        for (place, consumer) in consumers.enumerated() {
            let y = top + side * place
            text += "<text x=\"\(left - 8)\" y=\"\(y + 13)\" text-anchor=\"end\">\(Self.escaped(consumer))</text>\n"
            text += "<path class=\"line\" d=\"M\(left) \(y + side / 2)H\(left + side * providers.count)\"/>\n"
            for (column, provider) in providers.enumerated() {
                guard let cell = byPlace[consumer]?[provider] else { continue }
                let x = left + side * column
                text += "<g class=\"\(cell.standing.rawValue)\"><title>\(Self.escaped(cell.title))</title>"
                text += "<rect x=\"\(x + 1)\" y=\"\(y + 1)\" width=\"\(side - 2)\" height=\"\(side - 2)\" rx=\"3\"/>"
                text += "<text class=\"mark\" x=\"\(x + side / 2)\" y=\"\(y + 13)\">\(cell.standing.mark)</text></g>\n"
            }
        }
        text += "<text x=\"20\" y=\"\(height - 18)\">\(Self.escaped(summary))</text>\n</svg>\n"
        return text
    }

    /// Titles have lines.
    private static func escaped(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { Markup.text(String($0)) }
            .joined(separator: "&#10;")
    }

    private static let colours = """
        :root{--paper:#fff;--ink:#1b1f24;--faint:#d5dae0;--verified:#1a7f37;--failed:#c02434;--to-do:#9a6700;\
        --pending:#0969da;--undeclared:#6e7781}\
        @media(prefers-color-scheme:dark){:root{--paper:#0f1318;--ink:#e6edf3;--faint:#2d343c;--verified:#3fb950;\
        --failed:#ff7b82;--to-do:#e3a008;--pending:#58a6ff;\
        --undeclared:#9aa4ae}}
        """

    private static let pictureStyle =
        colours + """
            text{font:12px system-ui,sans-serif;fill:var(--ink)}.paper{fill:var(--paper)}\
            .line{stroke:var(--faint);stroke-width:1}.mark{text-anchor:middle;font-size:11px;fill:var(--paper);font-weight:700}\
            .verified rect{fill:var(--verified)}.failed rect{fill:var(--failed)}.to-do rect{fill:var(--to-do)}\
            .pending rect{fill:var(--pending)}.undeclared rect{fill:var(--undeclared)}
            """

    private static let style =
        colours + """
            *{box-sizing:border-box}body{margin:0;font:14px/1.45 system-ui,sans-serif;background:var(--paper);color:var(--ink);\
            display:flex;flex-direction:column;height:100vh}header{padding:12px 16px 4px}h1{font-size:18px;margin:0}\
            header p{margin:2px 0}.tools{display:flex;gap:8px 14px;flex-wrap:wrap;align-items:center}\
            input[type=search]{font:inherit;padding:4px 8px;border:1px solid var(--faint);border-radius:6px;\
            background:var(--paper);color:var(--ink);min-width:220px}.key{display:inline-flex;gap:5px;align-items:center}\
            .scroll{flex:1;overflow:auto;border-block:1px solid var(--faint)}table{border-collapse:separate;border-spacing:0}\
            thead th{position:sticky;top:0;background:var(--paper);z-index:2;vertical-align:bottom;padding:6px 0;\
            border-bottom:1px solid var(--faint)}thead th span{writing-mode:vertical-rl;transform:rotate(180deg);\
            font-weight:400;white-space:nowrap;max-height:180px;overflow:hidden;text-overflow:ellipsis}\
            tbody th{position:sticky;left:0;background:var(--paper);z-index:1;text-align:right;font-weight:400;\
            padding:0 10px 0 16px;white-space:nowrap;border-right:1px solid var(--faint)}\
            thead .corner{left:0;z-index:3;text-align:left;padding:6px 10px 6px 16px;font-weight:400;\
            border-right:1px solid var(--faint);white-space:nowrap}td{width:24px;height:24px;min-width:24px;padding:1px;\
            border-bottom:1px solid var(--faint)}tr:hover td,tr:hover th{background:color-mix(in srgb,var(--ink) 7%,var(--paper))}\
            td button{all:unset;display:block;width:22px;height:22px;line-height:22px;text-align:center;border-radius:4px;\
            cursor:pointer;color:var(--paper);font-weight:700}td button:focus-visible,.scroll:focus-visible{\
            outline:2px solid var(--ink);outline-offset:1px}.verified button,.mark.verified{background:var(--verified)}\
            .failed button,.mark.failed{background:var(--failed)}.to-do button,.mark.to-do{background:var(--to-do)}\
            .pending button,.mark.pending{background:var(--pending)}.undeclared button,.mark.undeclared{background:var(--undeclared)}.mark{color:var(--paper);border-radius:4px;\
            width:20px;text-align:center;font-weight:700}#detail{padding:8px 16px;min-height:70px;max-height:34vh;overflow:auto;\
            white-space:pre-wrap}#detail p{margin:0}#detail ul{margin:4px 0 0;padding:0;list-style:none;columns:24em auto}\
            #detail .failed{color:var(--failed)}#detail .to-do{color:var(--to-do)}#detail .pending{color:var(--pending)}[hidden]{display:none}
            """

    private static let script = """
        const search = document.getElementById('search'), detail = document.getElementById('detail');
        const head = [...document.querySelectorAll('thead th[data-name]')], rows = [...document.querySelectorAll('tbody tr')];
        const shown = () => new Set([...document.querySelectorAll('[data-standing]:checked')].map(b => b.dataset.standing));
        function apply() {
          const word = search.value.trim().toLowerCase(), kinds = shown();
          const cols = head.map(h => h.dataset.name.toLowerCase().includes(word)), seen = cols.map(() => false);
          for (const row of rows) {
            const mine = row.dataset.name.toLowerCase().includes(word); let any = false;
            for (let c = 0; c < head.length; c++) {
              const cell = row.cells[c + 1], on = cell.className && kinds.has(cell.className) && (mine || cols[c]);
              if (cell.firstChild) cell.firstChild.hidden = !on;
              if (on) { any = true; seen[c] = true; }
            }
            row.hidden = !any;
          }
          head.forEach((h, c) => { h.hidden = !seen[c]; for (const row of rows) row.cells[c + 1].hidden = !seen[c]; });
        }
        search.addEventListener('input', apply);
        document.querySelectorAll('[data-standing]').forEach(b => b.addEventListener('change', apply));
        document.querySelector('tbody').addEventListener('click', e => {
          const button = e.target.closest('button'); if (button) detail.textContent = button.title;
        });
        document.addEventListener('keydown', e => {
          if (e.key === '/' && e.target !== search) { e.preventDefault(); search.focus(); }
          if (e.key === 'Escape') { search.value = ''; apply(); }
        });
        """
}
