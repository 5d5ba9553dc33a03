// The help: how the work goes, and the keys.

import { useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useAnswer, useView } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { SHORTCUTS } from "../ui/shortcuts";
import styles from "./help.module.css";

const CLOSE = "M4 4l8 8|M12 4l-8 8";

export function Help() {
  const state = useView("frame");
  const [open, setOpen] = useState(false);
  useAnswer("help", () => setOpen(true));
  const keys = [
    ...SHORTCUTS,
    { what: "Areas", keys: ["Alt", `1 … ${Math.min(state?.tabs.length ?? 0, 9)}`] },
  ];
  return (
    <ModalOverlay isOpen={open} onOpenChange={setOpen} isDismissable className={styles.ground}>
      <Modal className={styles.modal}>
        <Dialog className={`cs-root ${styles.help}`} aria-label="Help and shortcuts">
          <div className="cs-row">
            <Heading slot="title" level={2} className="cs-grow">
              From a field trial to variance components
            </Heading>
            <button
              type="button"
              className="cs-icon-button"
              aria-label="Close"
              onClick={() => setOpen(false)}
            >
              <Icon path={CLOSE} />
            </button>
          </div>
          <ol>
            {state?.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
          <h3>Keyboard</h3>
          <dl className={styles.keys}>
            {keys.map(({ what, keys: pressed }) => (
              <div key={what}>
                <dt>{what}</dt>
                <dd>
                  {pressed.map((key, index) => (
                    <span key={key}>
                      {index > 0 && " "}
                      <kbd className="cs-kbd">{key}</kbd>
                    </span>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
