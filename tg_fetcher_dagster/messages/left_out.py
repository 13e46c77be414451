"""What of Telegram's fields stands in no file of a day, each with its reason.

A day file, its side files and this list hold every field of every constructor that the installed layer lets
stand in a message or among its people and chats: a test walks the layer and fails on a field in neither, so
that a new layer is a decision and not a silence. Nothing is listed that holds words for a reader, a URL or
somebody's id. The raw file has all of it, so that a change of mind costs a rebuild and no request.
"""

LEFT_OUT: dict[str, dict[str, str]] = {
    "Message": {
        "mentioned": "whether the account that read the day was meant; the words say who was",
        "media_unread": "whether the account has listened to it yet",
        "from_scheduled": "how it was sent, not what it says",
        "legacy": "that Telegram sent it in an older form; the form is seen from what is there",
        "invert_media": "whether the app draws the picture above the words or below them",
        "offline": "that it was sent on a timer, as an automatic greeting is",
    },
    "MessageService": {
        "mentioned": "whether the account that read the day was meant; the action says who was",
        "media_unread": "whether the account has looked at it yet",
        "legacy": "that Telegram sent it in an older form; the form is seen from what is there",
        "reactions_are_possible": "what readers could do; those that they gave are in reactions",
    },
    "MessageFwdHeader": {
        "saved_out": "whether the account itself had sent what it saved; saved_from_id says who had",
    },
    "MessageReplyHeader": {
        "quote": "that a part is quoted; quote_text says so by being there",
        "quote_offset": "where in the other message the quoted words stand; the words are kept",
    },
    "MessageReplies": {
        "max_id": "the newest reply's id, another one by the hour; replies are messages of their own",
        "read_max_id": "how far the account has read",
        "replies_pts": "a counter of Telegram's for clients that follow updates",
    },
    "MessageReactions": {
        "can_see_list": "whether the account may ask for everybody who reacted",
        "reactions_as_tags": "that they are the account's own tags in its Saved Messages",
    },
    "MessagePeerReaction": {
        "date": "known of the last few reactors only, so it would read as if nobody had reacted before",
        "big": "that the reaction was shown with a large animation",
        "unread": "whether the account has seen this reaction",
        "my": "whether the account gave it; its id is among the users",
    },
    "ReactionCount": {
        "chosen_order": "which of its own reactions the account gave first",
    },
    "MessageReactor": {
        "my": "whether it is the account itself; peer_id says who it is",
    },
    "MessageEntityBlockquote": {
        "collapsed": "whether the app shows the quote folded",
    },
    "User": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
        "is_self": "which of the users is the account; its id is the raw file's account_user_id",
        "contact": "whether the account has the person in its address book",
        "mutual_contact": "whether each has the other in the address book",
        "min": "that this record is in part; the whole one is preferred, and the name is kept",
        "close_friend": "whether the account counts the person among its close friends",
        "stories_hidden": "whether the account hides the person's stories",
        "stories_unavailable": "whether the account may see stories of the person",
        "stories_max_id": "the newest story's id, another one by the day",
        "contact_require_premium": "whether the account needs Premium to write to the person",
        "send_paid_messages_stars": "what it would cost the account to write to the person",
        "apply_min_photo": "whether a client may use the picture of a record in part",
        "premium": "bought and run out without a message that says so",
        "phone": "a private number, told to those alone who have it already",
        "photo": "the profile picture: pixels, and no bytes are kept",
        "status": "when the person was online last, another time by the minute",
        "lang_code": "the language that the account's own app or a bot's owner has set, a code",
        "color": "in which colour the app draws the name",
        "profile_color": "in which colour the app draws the profile",
        "attach_menu_enabled": "whether the account has the bot in its menu",
        "bot_chat_history": "whether the bot gets every message of its groups",
        "bot_nochats": "whether the bot may be taken into groups",
        "bot_inline_geo": "whether the bot asks for the place of whoever calls it",
        "bot_attach_menu": "whether the bot may stand in a menu",
        "bot_can_edit": "whether the account may change the bot",
        "bot_business": "whether the bot may answer for a business",
        "bot_has_main_app": "whether the bot has an app of its own",
        "bot_forum_view": "whether the account sees its talk with the bot in topics",
        "bot_forum_can_manage_topics": "whether the account may make topics in its talk with the bot",
        "bot_can_manage_bots": "whether the bot may make other bots",
        "bot_guestchat": "whether the bot may be asked in chats that it is not in",
        "bot_guard": "whether the bot guards a chat's door",
        "bot_info_version": "a counter by which a client asks for the bot's description again",
        "bot_active_users": "how many people use the bot, another number by the day",
        "bot_verification_icon": "the little picture beside the name",
    },
    "Channel": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
        "photo": "the picture: pixels, and no bytes are kept",
        "date": "when the account joined, or when the chat was made if it did not",
        "creator": "whether the account made the chat",
        "left": "whether the account has left the chat",
        "broadcast": "what kind of chat it is; source_info.type says it of the chat that is read",
        "megagroup": "what kind of chat it is; source_info.type says it of the chat that is read",
        "gigagroup": "what kind of chat it is: a supergroup in which admins alone write",
        "monoforum": "what kind of chat it is: the direct messages of a channel, told by saved_peer_id",
        "min": "that this record is in part; the whole one is preferred, and the title is kept",
        "signatures": "whether posts are signed; post_author has the signatures",
        "signature_profiles": "whether signatures lead to profiles; author_id has them",
        "has_link": "whether it has a group for comments; comments_chat_id names it",
        "has_geo": "whether it belongs to a place on the map, which is not told here",
        "slowmode_enabled": "whether members must wait between two messages",
        "call_active": "whether people are talking in it at this moment",
        "call_not_empty": "whether people are talking in it at this moment",
        "noforwards": "whether its messages may be forwarded, for the app's own use",
        "join_to_send": "whether only members may write",
        "join_request": "whether admins must let members in",
        "forum": "whether it has topics; topic_id has them, source_info.forum says it too",
        "forum_tabs": "how the app draws the topics",
        "stories_hidden": "whether the account hides the chat's stories",
        "stories_hidden_min": "whether stories_hidden is known",
        "stories_unavailable": "whether the account may see the chat's stories",
        "stories_max_id": "the newest story's id, another one by the day",
        "autotranslation": "whether the app offers a translation",
        "broadcast_messages_allowed": "whether readers may write to the channel",
        "admin_rights": "what the account may do there as an admin",
        "banned_rights": "what the account may not do there",
        "default_banned_rights": "what members may not do there, changed without a message",
        "participants_count": "how many members there are, another number by the hour",
        "color": "in which colour the app draws the title",
        "profile_color": "in which colour the app draws the profile",
        "level": "how often members have boosted it, another number by the day",
        "subscription_until_date": "until when the account has paid for it",
        "bot_verification_icon": "the little picture beside the title",
        "send_paid_messages_stars": "what it costs the account to write there",
    },
    "ChannelForbidden": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
        "broadcast": "what kind of chat it is; source_info.type says it of the chat that is read",
        "megagroup": "what kind of chat it is; source_info.type says it of the chat that is read",
        "monoforum": "what kind of chat it is: the direct messages of a channel",
        "until_date": "until when the account may not look in",
    },
    "Community": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
        "photo": "the picture: pixels, and no bytes are kept",
        "date": "when the account joined it",
        "creator": "whether the account made it",
        "left": "whether the account has left it",
        "min": "that this record is in part",
        "collapsed_in_dialogs": "whether the account's app shows it folded",
        "admin_rights": "what the account may do there as an admin",
        "default_banned_rights": "what members may not do there, changed without a message",
    },
    "CommunityForbidden": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
    },
    "InputChannel": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
    },
    "InputPeerChannel": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
    },
    "InputPeerUser": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
    },
    "InputUser": {
        "access_hash": "a secret: with it the account that read the day may address this peer",
    },
    "Document": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
        "file_reference": "a secret that lets the account fetch this file, for some hours",
        "dc_id": "in which of Telegram's data centres the file lies",
        "thumbs": "small pictures of the file: pixels, and no bytes are kept",
        "video_thumbs": "small films of the file: pixels, and no bytes are kept",
    },
    "Photo": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
        "file_reference": "a secret that lets the account fetch this file, for some hours",
        "dc_id": "in which of Telegram's data centres the file lies",
        "video_sizes": "a moving profile picture: pixels, and no bytes are kept",
    },
    "InputDocument": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
        "file_reference": "a secret that lets the account fetch this file, for some hours",
    },
    "InputPhoto": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
        "file_reference": "a secret that lets the account fetch this file, for some hours",
    },
    "WallPaper": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
    },
    "WebDocument": {
        "access_hash": "a secret: with it the account that read the day may fetch this file",
    },
    "BotApp": {
        "access_hash": "a secret: with it the account may open this app",
    },
    "Game": {
        "access_hash": "a secret: with it the account may start this game",
        "id": "Telegram's own number of the game; its short name is kept",
        "photo": "the game's picture: pixels, and no bytes are kept",
    },
    "InputGameID": {
        "access_hash": "a secret: with it the account may start this game",
    },
    "InputGroupCall": {
        "access_hash": "a secret: with it the account may join this call",
    },
    "InputStickerSetID": {
        "access_hash": "a secret: with it the account may ask for this set",
    },
    "GeoPoint": {
        "access_hash": "a secret: with it the account may fetch the map's picture",
    },
    "MessageMediaDocument": {
        "nopremium": "whether the file needs no Premium to be sent, for the app's own use",
        "video": "that the file is a video, which its attributes tell as media.type",
        "video_cover": "the picture shown before the video plays: pixels, and no bytes are kept",
    },
    "MessageMediaWebPage": {
        "force_large_media": "whether the app draws the preview large",
        "force_small_media": "whether the app draws the preview small",
        "manual": "whether the author chose the preview; the links of the text are there",
        "safe": "whether the app opens the page without asking",
    },
    "WebPage": {
        "id": "Telegram's own number of the preview; the url says which page it is",
        "hash": "a checksum by which a client asks whether its copy is still good",
        "has_large_media": "whether the preview could be drawn large",
        "video_cover_photo": "which picture of the preview the app draws",
        "type": "how the app draws the preview, a code (article, telegram_channel)",
        "embed_type": "the player's MIME type, a code; its address is in embed_url",
        "embed_width": "how wide the app draws the player",
        "embed_height": "how high the app draws the player",
        "duration": "of a video on the linked page, not of the message",
        "photo": "the preview's picture: pixels, and no bytes are kept",
    },
    "WebPageEmpty": {
        "id": "Telegram's own number of a preview that it could not make",
    },
    "WebPagePending": {
        "id": "Telegram's own number of a preview that is not made yet",
        "date": "when Telegram would have made the preview",
    },
    "PhotoSize": {
        "type": "one letter that says which of Telegram's sizes it is",
    },
    "PhotoSizeProgressive": {
        "type": "one letter that says which of Telegram's sizes it is",
    },
    "PhotoCachedSize": {
        "type": "one letter that says which of Telegram's sizes it is",
        "bytes": "a small picture's pixels",
    },
    "PhotoStrippedSize": {
        "type": "one letter that says which of Telegram's sizes it is",
        "bytes": "a tiny picture's pixels",
    },
    "PhotoPathSize": {
        "type": "one letter that says which of Telegram's sizes it is",
        "bytes": "an outline of the picture for the app to draw",
    },
    "PhotoSizeEmpty": {
        "type": "one letter that says which of Telegram's sizes it is",
    },
    "DocumentAttributeAudio": {
        "waveform": "a hundred heights for the app to draw",
    },
    "MessageExtendedMediaPreview": {
        "thumb": "a blurred picture of what is to be paid for",
    },
    "Poll": {
        "hash": "a checksum by which a client asks whether its copy is still good",
        "creator": "whether the account made the poll; sender_id says who did",
    },
    "PollResults": {
        "min": "that the account's own vote is missing from them, which is left out anyway",
        "has_unread_votes": "whether the account has seen the newest votes",
        "can_view_stats": "whether the account may ask for a chart",
    },
    "PollAnswerVoters": {
        "chosen": "what the account voted for",
    },
    "FactCheck": {
        "hash": "a checksum by which a client asks whether its copy is still good",
    },
    "KeyboardButton": {
        "style": "the button's colour and icon",
    },
    "KeyboardInlineButton": {
        "style": "the button's colour and icon",
    },
    "PageButton": {
        "style": "the button's colour",
    },
    "TextButton": {
        "style": "the button's colour",
    },
    "InlineButtonTypeCallback": {
        "data": "bytes that the bot gets back when the button is pressed, in a form of its own",
    },
    "RichMessage": {
        "rtl": "that it is drawn from right to left, which its letters say",
    },
    "Page": {
        "rtl": "that it is drawn from right to left, which its letters say",
        "v2": "which of two forms of the format Telegram sent",
        "photos": "the page's pictures: pixels, and no bytes are kept",
    },
    "PageBlockTable": {
        "bordered": "whether lines are drawn around the cells",
        "striped": "whether every other row is tinted",
        "compact": "whether the rows are drawn close together",
    },
    "PageTableCell": {
        "header": "whether the cell is drawn bold on a tint",
        "align_center": "where in its cell the text is drawn, left to right",
        "align_right": "where in its cell the text is drawn, left to right",
        "valign_middle": "where in its cell the text is drawn, top to bottom",
        "valign_bottom": "where in its cell the text is drawn, top to bottom",
        "colspan": "over how many columns the cell is drawn; its words stand once",
        "rowspan": "over how many rows the cell is drawn; its words stand once",
    },
    "PageBlockButtonRow": {
        "align_left": "where in its line the row is drawn",
        "align_center": "where in its line the row is drawn",
        "align_right": "where in its line the row is drawn",
    },
    "PageBlockDetails": {
        "open": "whether the app shows the part unfolded; its words are kept either way",
    },
    "PageBlockEmbed": {
        "full_width": "how wide the app draws it",
        "allow_scrolling": "whether the app lets it scroll",
    },
    "PageBlockVideo": {
        "autoplay": "whether the app plays it at once",
        "loop": "whether the app plays it again and again",
    },
    "PageBlockBlockquote": {
        "collapsed": "whether the app shows the quote folded",
    },
    "PageBlockPhoto": {
        "webpage_id": "Telegram's own number of the page that the picture leads to; the url says which",
    },
    "PageBlockEmbedPost": {
        "webpage_id": "Telegram's own number of the post's page; the url says which",
    },
    "PageRelatedArticle": {
        "webpage_id": "Telegram's own number of the article's page; the url says which",
        "photo_id": "the article's picture, which does not come along",
    },
    "TextUrl": {
        "webpage_id": "Telegram's own number of the linked page; the url says which",
    },
    "PageBlockOrderedList": {
        "type": "how the numbers are drawn, a code (1, a, i); the words have them as numbers",
    },
    "PageListOrderedItemText": {
        "type": "how this number is drawn, a code (1, a, i)",
    },
    "PageListOrderedItemBlocks": {
        "type": "how this number is drawn, a code (1, a, i)",
    },
    "MessageActionPaymentSentMe": {
        "payload": "what only the bot that sells understands",
        "info": "the customer's name and address, told to the bot alone",
        "charge": "the payment's numbers at Telegram and at the bank",
    },
    "MessageActionPaymentRefunded": {
        "payload": "what only the bot that sells understands",
        "charge": "the payment's numbers at Telegram and at the bank",
    },
    "MessageActionGiftStars": {
        "transaction_id": "the payment's number, of use to its two sides alone",
    },
    "MessageActionGiftTon": {
        "transaction_id": "the payment's number, of use to its two sides alone",
    },
    "MessageActionPrizeStars": {
        "transaction_id": "the payment's number, of use to its two sides alone",
    },
    "MessageActionSecureValuesSentMe": {
        "values": "passports and the like, encrypted for the bot alone",
        "credentials": "the keys to those values",
    },
    "Chat": {
        "photo": "the picture: pixels, and no bytes are kept",
        "participants_count": "how many members there are, another number by the hour",
        "date": "when the group was made",
        "version": "a counter of Telegram's for clients that follow the list of members",
        "creator": "whether the account made the group",
        "left": "whether the account has left the group",
        "call_active": "whether people are talking in it at this moment",
        "call_not_empty": "whether people are talking in it at this moment",
        "noforwards": "whether its messages may be forwarded, for the app's own use",
        "admin_rights": "what the account may do there as an admin",
        "default_banned_rights": "what members may not do there, changed without a message",
    },
    "Username": {
        "editable": "whether the owner may change it; bought ones stay",
        "active": "whether the name leads there now; all names are kept",
    },
}
"""By constructor and field."""

NOT_FOR_READERS: frozenset[str] = frozenset(
    {
        "User.phone",
        "User.lang_code",
        "WebPage.type",
        "WebPage.embed_type",
        "PageBlockOrderedList.type",
        "PageListOrderedItemText.type",
        "PageListOrderedItemBlocks.type",
        "PhotoSize.type",
        "PhotoSizeProgressive.type",
        "PhotoCachedSize.type",
        "PhotoStrippedSize.type",
        "PhotoPathSize.type",
        "PhotoSizeEmpty.type",
        "MessageActionGiftStars.transaction_id",
        "MessageActionGiftTon.transaction_id",
        "MessageActionPrizeStars.transaction_id",
        "MessageActionPaymentSentMe.info",
        "MessageActionPaymentSentMe.charge",
        "MessageActionPaymentRefunded.charge",
        "MessageActionSecureValuesSentMe.values",
        "Photo.video_sizes",
        "Document.video_thumbs",
    }
)
"""Those of them that hold strings all the same: codes, secrets, and names of pictures, no words."""
