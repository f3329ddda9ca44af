// The page around a picture of a graph: search, zoom, what a node needs and what needs it. One file, nothing is loaded.
import BuildEngine
import BuildGraph

/// A page of HTML that shows a graph.
package enum GraphPage {
    /// What the page says of itself first: nothing is loaded, and no script runs but its own.
    package static let policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-"
        + Base64.encode(SHA256Value.of(Array(script.utf8)).bytes) + "'"

    /// `home` is where a link leads out of it; `note` is plain text that says what the marks mean.
    package static func document(_ picture: GraphPicture, home: String? = nil, note: String? = nil) -> String {
        let layout = GraphLayout(picture)
        let way = home.map { "<a href=\"\(Markup.text($0))\">overview</a>\n" } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <title>lmsbuild graph</title>
            <style>\(GraphSVG.style)\(style)</style>
            </head>
            <body>
            <header>
            \(way)<input id="search" type="search" placeholder="Search ( / )" aria-label="Search nodes" autocomplete="off">
            <span id="found" role="status"></span>
            <label id="affectedOnly"><input type="checkbox" data-toggle="affected"> affected only</label>
            <label><input type="checkbox" data-toggle="gate" checked> gates</label>
            <label><input type="checkbox" data-toggle="consumes" checked> consumes</label>
            <span class="buttons"><button id="in" title="Zoom in ( + )">+</button>\
            <button id="out" title="Zoom out ( - )">−</button><button id="fit" title="Whole graph ( 0 )">fit</button></span>
            \(note.map { "<p id=\"note\">\(Markup.text($0))</p>\n" } ?? "")</header>
            <main>
            <svg id="graph" viewBox="0 0 \(layout.width) \(layout.height)" tabindex="0" role="img" \
            aria-label="Graph of \(picture.nodes.count) nodes">
            <g id="view">
            \(GraphSVG.body(picture, layout))</g>
            </svg>
            <aside id="panel" hidden></aside>
            </main>
            <footer><svg class="legend" viewBox="0 0 1400 22" width="1400" height="22">\(GraphSVG.legend(picture))</svg></footer>
            <script type="application/json" id="data">\(data(picture))</script>
            <script>\(script)</script>
            </body>
            </html>

            """
    }

    /// The graph for the script: no `<` can end the element it is in.
    private static func data(_ picture: GraphPicture) -> String {
        let nodes = JSONValue.array(
            picture.nodes.map { node in
                .object([
                    ("name", .string(BytePath(node.name).shown)), ("kind", .string(node.kind)),
                    ("affected", .bool(node.isAffected == true)), ("cached", .bool(node.isCached == true)),
                ])
            })
        let edges = JSONValue.array(
            picture.edges.map { edge in
                let place = edge.file.map { "\($0):\(edge.line ?? 0)" } ?? ""
                return .array([
                    .number(edge.from), .number(edge.to), .string(edge.kind.rawValue), .string(place),
                ])
            })
        return JSONValue.object([("nodes", nodes), ("edges", edges)]).text(pretty: false)
            .replacing("<", with: "\\u003c").replacing("&", with: "\\u0026")
    }

    private static let style = """
        html,body{margin:0;height:100%;background:var(--back);color:var(--ink);font:14px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        body{display:flex;flex-direction:column}
        a{color:inherit}
        header{display:flex;gap:16px;align-items:center;padding:8px 16px;border-bottom:1px solid var(--line);flex-wrap:wrap}
        #search{font:inherit;padding:5px 10px;width:260px;max-width:100%;box-sizing:border-box;background:var(--box);color:inherit;border:1px solid var(--line);border-radius:6px}
        #found{color:var(--soft);min-width:90px}
        #note{flex-basis:100%;margin:0;color:var(--soft);overflow-wrap:anywhere}
        .buttons{margin-left:auto}
        button{font:inherit;min-width:32px;padding:4px 9px;margin-left:4px;background:var(--box);color:inherit;border:1px solid var(--line);border-radius:6px;cursor:pointer}
        main{flex:1;display:flex;min-height:0}
        #graph{flex:1;min-width:0;height:100%;cursor:grab;outline:none;touch-action:none}
        #graph.drag{cursor:grabbing}
        .node{cursor:pointer}
        .faded .node:not(.lit){opacity:.13}
        .faded .edge:not(.lit){opacity:.03}
        .edge.lit{opacity:1;stroke-width:2;stroke:var(--ink)}
        .node.picked rect{stroke:var(--ink);stroke-width:3}
        .gone{display:none}
        aside{width:300px;overflow:auto;border-left:1px solid var(--line);padding:12px 16px;box-sizing:border-box}
        aside h2{font-size:16px;margin:0 0 4px;overflow-wrap:anywhere}
        aside h3{font-size:13px;margin:16px 0 4px;color:var(--soft);font-weight:600}
        aside ul{margin:0;padding:0;list-style:none}
        aside li{overflow-wrap:anywhere}
        aside li button{border:0;background:none;padding:1px 0;margin:0;text-align:left;text-decoration:underline}
        aside small{color:var(--soft)}
        footer{border-top:1px solid var(--line);padding:6px 16px;overflow-x:auto}
        @media(max-width:600px){header{gap:8px 14px}#search{flex:1;width:auto;min-width:140px}#found{min-width:0}#found:empty{display:none}aside{position:absolute;left:0;right:0;bottom:0;width:auto;max-height:45%;background:var(--back);border-top:1px solid var(--line)}}
        .legend text{fill:var(--soft)}.legend .mark{fill:var(--hot)}
        """

    private static let script = """
        'use strict';
        const data = JSON.parse(document.getElementById('data').textContent);
        const svg = document.getElementById('graph'), panel = document.getElementById('panel');
        const search = document.getElementById('search'), found = document.getElementById('found');
        const nodes = data.nodes.map((_, i) => document.getElementById('n' + i));
        const edges = data.edges.map((_, i) => document.getElementById('e' + i));
        const up = data.nodes.map(() => []), down = data.nodes.map(() => []);
        data.edges.forEach(([from, to], i) => { down[from].push(i); up[to].push(i); });
        const hidden = {gate: false, consumes: false}; let affectedOnly = false, picked = -1;
        const whole = svg.getAttribute('viewBox').split(' ').map(Number); let box = whole.slice();
        if (!data.nodes.some(n => n.affected)) document.getElementById('affectedOnly').classList.add('gone');

        function show() { svg.setAttribute('viewBox', box.join(' ')); }
        function zoom(factor, x = box[0] + box[2] / 2, y = box[1] + box[3] / 2) {
          const width = Math.min(whole[2] * 3, Math.max(200, box[2] * factor)); factor = width / box[2];
          box = [x - (x - box[0]) * factor, y - (y - box[1]) * factor, width, box[3] * factor]; show();
        }
        function point(event) {
          const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
          return [p.x, p.y];
        }
        function reach(start, lists, side) {
          const seen = new Set(), lit = new Set(), open = [start];
          while (open.length) for (const e of lists[open.pop()]) {
            if (hidden[data.edges[e][2]] || data.edges[e][2] === 'consumes' && lists[start].indexOf(e) < 0) continue;
            lit.add(e); const next = data.edges[e][side];
            if (!seen.has(next)) { seen.add(next); if (data.edges[e][2] !== 'consumes') open.push(next); }
          }
          return [seen, lit];
        }
        function light(lit, lines) {
          svg.classList.toggle('faded', lit !== null);
          nodes.forEach((n, i) => n.classList.toggle('lit', lit !== null && lit.has(i)));
          edges.forEach((e, i) => e.classList.toggle('lit', lines !== null && lines.has(i)));
        }
        function list(title, ids) {
          if (!ids.length) return;
          const head = document.createElement('h3'); head.textContent = title + ' (' + ids.length + ')';
          const ul = document.createElement('ul');
          for (const [id, words] of ids) {
            const li = document.createElement('li'), b = document.createElement('button');
            b.textContent = data.nodes[id].name; b.onclick = () => pick(id, true); li.append(b);
            if (words) { const s = document.createElement('small'); s.textContent = ' ' + words; li.append(s); }
            ul.append(li);
          }
          panel.append(head, ul);
        }
        function pick(id, move) {
          picked = id; panel.replaceChildren(); panel.hidden = id < 0;
          nodes.forEach((n, i) => n.classList.toggle('picked', i === id));
          if (id < 0) { filter(); return; }
          const [needs, a] = reach(id, down, 1), [needed, b] = reach(id, up, 0);
          light(new Set([id, ...needs, ...needed]), new Set([...a, ...b]));
          const node = data.nodes[id], head = document.createElement('h2'), words = document.createElement('small');
          head.textContent = node.name;
          words.textContent = [node.kind, node.affected && 'affected', node.cached && 'cached'].filter(Boolean).join(', ');
          panel.append(head, words);
          const direct = (lists, side) => lists[id].filter(e => !hidden[data.edges[e][2]]).map(e =>
            [data.edges[e][side], [data.edges[e][2] === 'input' ? '' : data.edges[e][2], data.edges[e][3]].filter(Boolean).join(' ')]);
          const indirect = (all, lists, side) => [...all].filter(n => !lists[id].some(e => data.edges[e][side] === n))
            .sort((x, y) => x - y).map(n => [n, '']);
          list('needs', direct(down, 1)); list('needs through others', indirect(needs, down, 1));
          list('needed by', direct(up, 0)); list('needed by others of these', indirect(needed, up, 0));
          if (move) { const r = nodes[id].querySelector('rect');
            box[0] = +r.getAttribute('x') + r.getAttribute('width') / 2 - box[2] / 2;
            box[1] = +r.getAttribute('y') + r.getAttribute('height') / 2 - box[3] / 2; show(); }
        }
        function filter() {
          const text = search.value.trim().toLowerCase();
          const wanted = text ? data.nodes.map((n, i) => n.name.toLowerCase().includes(text) ? i : -1).filter(i => i >= 0) : null;
          found.textContent = wanted ? wanted.length + ' found' : '';
          light(wanted && new Set(wanted), null);
          return wanted;
        }
        function visible() {
          nodes.forEach((n, i) => n.classList.toggle('gone', affectedOnly && !data.nodes[i].affected));
          edges.forEach((e, i) => { const [from, to, kind] = data.edges[i];
            e.classList.toggle('gone', hidden[kind] || affectedOnly && !(data.nodes[from].affected && data.nodes[to].affected)); });
        }
        search.addEventListener('input', () => { picked = -1; panel.hidden = true; filter(); });
        search.addEventListener('keydown', e => { if (e.key === 'Enter') { const w = filter(); if (w && w.length) pick(w[0], true); } });
        document.querySelectorAll('[data-toggle]').forEach(box => box.addEventListener('change', () => {
          if (box.dataset.toggle === 'affected') affectedOnly = box.checked; else hidden[box.dataset.toggle] = !box.checked;
          visible(); if (picked >= 0) pick(picked); }));
        nodes.forEach((n, i) => { n.setAttribute('tabindex', '0'); n.setAttribute('role', 'button');
          n.addEventListener('keydown', e => { if (e.key === 'Enter' || e.key === ' ') { pick(i); e.preventDefault(); } }); });
        let drag = null, moved = false;
        svg.addEventListener('pointerdown', e => { drag = point(e); moved = false; });
        svg.addEventListener('pointermove', e => { if (!drag || !e.buttons) return; const p = point(e);
          if (Math.abs(p[0] - drag[0]) + Math.abs(p[1] - drag[1]) < 3 && !moved) return;
          moved = true; svg.classList.add('drag'); box[0] -= p[0] - drag[0]; box[1] -= p[1] - drag[1]; show(); });
        addEventListener('pointerup', () => { drag = null; svg.classList.remove('drag'); });
        svg.addEventListener('click', e => { if (moved) return; const n = e.target.closest('.node');
          pick(n ? nodes.indexOf(n) : -1); });
        svg.addEventListener('wheel', e => { e.preventDefault(); const [x, y] = point(e); zoom(Math.exp(e.deltaY * .0015), x, y); }, {passive: false});
        document.getElementById('in').onclick = () => zoom(.7);
        document.getElementById('out').onclick = () => zoom(1 / .7);
        const fit = () => { box = whole.slice(); show(); };
        document.getElementById('fit').onclick = fit;
        addEventListener('keydown', e => {
          if (e.target === search) { if (e.key === 'Escape') { search.value = ''; search.blur(); pick(-1); } return; }
          const step = box[2] / 10, keys = {'+': () => zoom(.7), '=': () => zoom(.7), '-': () => zoom(1 / .7), '0': fit,
            ArrowLeft: () => { box[0] -= step; show(); }, ArrowRight: () => { box[0] += step; show(); },
            ArrowUp: () => { box[1] -= step; show(); }, ArrowDown: () => { box[1] += step; show(); },
            '/': () => search.focus(), Escape: () => pick(-1)};
          if (keys[e.key] && !e.ctrlKey && !e.metaKey) { keys[e.key](); e.preventDefault(); } });
        // Where all of it would be too small to read, its beginning is shown; 'fit' shows all.
        const least = .7;
        if (svg.clientWidth && svg.clientWidth / whole[2] < least) {
          const width = svg.clientWidth / least, height = svg.clientHeight / least;
          box = [Math.max(0, (whole[2] - width) / 2), Math.min(0, (whole[3] - height) / 2), width, height]; show();
        }
        const start = new URLSearchParams(location.hash.slice(1));
        if (start.has('search')) { search.value = start.get('search'); filter(); }
        if (start.has('node')) pick(data.nodes.findIndex(n => n.name === start.get('node')));
        """
}
