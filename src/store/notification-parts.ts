/** The channel on which the senders of mail are told that one waits. */
export const notificationChannel = "keiyaku_notification";

/** Where a mail stands: it waits, is being sent, was sent, was refused for good, or nobody knows whether it was sent. */
export const notificationStates = ["waiting", "claimed", "sent", "refused", "unknown"] as const;
export type NotificationState = (typeof notificationStates)[number];
