// Measures every control on the page; targets.py says what the arguments are.
([side, spaced]) => {
    const CONTROLS = 'a[href], button, input, select, textarea, summary, [role="button"], [role="slider"], ' +
        '[role="tab"], [role="checkbox"], [role="radio"], [role="switch"], [role="separator"][tabindex], ' +
        '[role="menuitem"], [role="menuitemradio"], [role="option"], [role="link"], [role="combobox"]';
    const within = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
        [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
    // A field without a face of its own is pressed at its label.
    const pressed = (one) => one.matches("input[type=checkbox], input[type=radio], input[type=file]")
        ? one.closest("label") ?? one : one;
    const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
    const targets = [...new Set(within(document)
        .filter((one) => one.matches(CONTROLS) && !one.matches('[aria-hidden="true"]') && !one.inert)
        .map(pressed).filter(seen))];

    /** The element at a point, inside of shadow roots too. */
    const at = (x, y) => {
        let found = document.elementFromPoint(x, y);
        for (let inner; found?.shadowRoot && (inner = found.shadowRoot.elementFromPoint(x, y)) && inner !== found;)
            found = inner;
        return found;
    };
    const hits = (one, x, y) => {
        for (let found = at(x, y); found; found = found.parentNode ?? found.host) if (found === one) return true;
        return false;
    };

    /** Width and height of what can be hit around the middle: more than the box where a pseudo-element widens it. */
    const area = (one) => {
        one.scrollIntoView({ block: "nearest", inline: "nearest" });
        const box = one.getBoundingClientRect();
        const x = box.x + box.width / 2, y = box.y + box.height / 2;
        if (box.width >= side - 0.1 && box.height >= side - 0.1) return { box, x, y, width: box.width, height: box.height };
        if (!hits(one, x, y)) return null; // another area's, or behind something
        const reach = (dx, dy) => {
            let far = 0;
            while (far < side && hits(one, x + (far + 0.5) * dx, y + (far + 0.5) * dy)) far += 0.5;
            return far;
        };
        return {
            box, x, y,
            width: Math.max(box.width, reach(1, 0) + reach(-1, 0)),
            height: Math.max(box.height, reach(0, 1) + reach(0, -1)),
        };
    };

    /** In a sentence the height of the line decides: its own text stands around the target. */
    const inline = (one) => getComputedStyle(one).display.startsWith("inline") &&
        [...(one.parentNode?.childNodes ?? [])].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

    const small = [];
    for (const one of targets) {
        const found = area(one);
        if (found && (found.width < side - 0.6 || found.height < side - 0.6) && !inline(one)) small.push(one);
    }

    /** A circle of that diameter around its middle meets no other target, nor the circle of another small one. */
    const apart = (one) => {
        one.scrollIntoView({ block: "nearest", inline: "nearest" });
        const box = one.getBoundingClientRect();
        const x = box.x + box.width / 2, y = box.y + box.height / 2;
        return targets.every((other) => {
            if (other === one || other.contains(one) || one.contains(other)) return true;
            const there = other.getBoundingClientRect();
            const middle = [there.x + there.width / 2, there.y + there.height / 2];
            if (!hits(other, ...middle)) return true;
            if (small.includes(other)) return Math.hypot(middle[0] - x, middle[1] - y) >= side - 0.1;
            const dx = Math.max(there.left - x, 0, x - there.right), dy = Math.max(there.top - y, 0, y - there.bottom);
            return Math.hypot(dx, dy) >= side / 2 - 0.1;
        });
    };
    const name = (one) => one.getAttribute("aria-label") ?? (one.textContent.trim().slice(0, 40) || one.className);
    return {
        count: targets.length,
        small: small.filter((one) => !spaced || !apart(one)).map((one) => {
            const { width, height } = area(one);
            return `${one.getAttribute("role") ?? one.localName} "${name(one)}" ${width.toFixed(1)} x ${height.toFixed(1)}`;
        }),
    };
}
