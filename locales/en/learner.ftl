# Texts of the pages a learner sees. Keys begin with the name of their page.

## Sign in
sign-in-title = Sign in
sign-in-lead = With your password, or with a link that we mail to you.
sign-in-email = E-mail address
sign-in-password = Password
sign-in-submit = Sign in
sign-in-or = or
sign-in-send-link = Mail me a sign-in link
sign-in-email-wrong = This is not a complete e-mail address, such as ada@example.com.
sign-in-password-missing = Enter your password, or take the link.
sign-in-link-sent-title = Check your mail
sign-in-link-sent = If { $email } is known here, a mail with a sign-in link is on its way. It arrives within a few minutes; please look in your spam folder too.
sign-in-back = Back to signing in
sign-in-wrong = That e-mail address and password do not match. Check both, or take a link by mail.
sign-in-signed-out = You are signed out.
sign-in-choose-title = Where do you want to go?
sign-in-choose = Your address is known in several accounts. Choose one.

## Confirm a sign-in link
confirm-title = Sign in as { $name }
confirm-explain = You opened a sign-in link of { $account } for { $email }. It works once, and only when you press the button.
confirm-submit = Yes, sign me in
confirm-not-you = Not you? Close this page; nothing has happened.
confirm-other = You are signed in as { $email } at the moment. Going on signs that person out here.
confirm-expired-title = This link has expired
confirm-expired = Sign-in links work for a limited time only. Have a new one sent to you; it takes a moment.
confirm-used-title = This link has been used
confirm-used = Each link signs you in once. Have a new one sent to you, or sign in with your password.
confirm-invalid-title = This link does not work
confirm-invalid = Perhaps part of it was lost when it was copied. Open it from the mail again, or have a new one sent to you.
confirm-new-link = Send me a new link

## Set a password
password-title = Choose a password
password-explain = With a password you can sign in without waiting for a mail.
password-change-title = Change your password
password-change-explain = You stay signed in here; everywhere else you are signed out.
password-rule = At least { $length } characters. Several words are easy to remember.
password-new = New password
password-repeat = The same password again
password-submit = Save password
password-skip = Not now
password-saved = Your password is saved.
password-too-short = This password is too short. It needs at least { $length } characters.
password-too-long = This password is too long. It may have { $length } bytes at most.
password-repeated = Please do not repeat one piece over and over.
password-sequence = Please do not use runs of the alphabet, the digits or the keyboard.
password-too-common = Many people use this password, so it is easy to guess. Please choose another.
password-personal = Please do not build the password from your name, address or company.
password-differ = The two passwords are not the same. Please type both again.

## My courses
courses-title = My courses
courses-greeting = Hello { $name }
courses-count = { $count ->
    [0] You have no courses yet.
    [one] You have one course.
   *[other] You have { $count } courses.
}
courses-progress = { $percent } % done
courses-not-started = Not started yet
courses-completed = Completed on { $date }
courses-done = Completed
courses-until = Open until { $date }
courses-no-end = No end date
courses-ended = Ended on { $date }
courses-days-left = { $days ->
    [0] Last day
    [one] One day left
   *[other] { $days } days left
}
courses-preparing = Your access is being prepared. This takes a few minutes at most.
courses-failed = Your access could not be set up yet. We know of it and try again.
courses-waitlisted = You are on the waiting list (place { $place }). We will mail you when a seat is free.
courses-going-back = Your place in { $product } goes back on { $date }, because you have not used it.
courses-going-back-way = You want to keep it? Open one of the courses before that day.
courses-empty-title = No courses yet
courses-empty = As soon as somebody gives you a course, it appears here and we mail you.

## My teams
teams-title = My teams
teams-empty = You are not in a team.
teams-owner = Owner
teams-manager = Manager
teams-member = Member

## Asking for a seat
requests-title = Seats I asked for
requests-ask = Ask for a seat
requests-lead = Whoever looks after your team decides, and you get a mail.
requests-product = What would you like to learn?
requests-note = A word about it
requests-note-hint = Why you need it, or by when. May be left empty.
requests-submit = Ask for a seat
requests-asked = You have asked for a seat. You get a mail as soon as it is decided.
requests-pending = Not decided yet
requests-approved = Approved
requests-declined = Declined
requests-cancelled = Taken back
requests-cancel = Take back
requests-taken-back = Your request is taken back.
requests-open = { $count ->
    [0] No request waits for you.
    [one] One request for a seat waits for you.
   *[other] { $count } requests for seats wait for you.
}
requests-decide = Decide
requests-decide-title = Requests for seats
requests-none-title = Nothing to decide
requests-none = When somebody of your team asks for a seat, it appears here and we mail you.
requests-approve = Approve
requests-approve-wait = Approve, or let them wait
requests-decline-open = Decline …
requests-decline = Decline
requests-reason = Reason
requests-reason-hint = Goes into the mail to the person. May be left empty.
requests-was-approved = Approved. The person has the seat, and is told by mail.
requests-now-waits = Approved. No seat is free, so the person waits in line, and is told by mail.
requests-was-declined = Declined. The person is told by mail.

## Every page
page-sign-out = Sign out
page-menu = Your menu
page-password = Password
page-dashboard = Dashboard
page-skip-to-content = Go to the content
page-home = Go to the start

## Errors
error-not-found-title = There is nothing here
error-not-found = The address is not right, or what was here is gone.
error-forbidden-title = You may not see this
error-forbidden = Your role does not include this page. Ask the owner of your team if you need it.
error-too-many-title = One moment, please
error-too-many = That was too often in a short time. Try again in { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
}.
error-form-expired-title = Please try once more
error-form-expired = This page was open for too long, or you have signed in or out in another window. Open it again and send the form.
error-internal-title = Something went wrong here
error-internal = It is not your fault, and we know of it. If you write to us about it, quote this number: { $request }

## Accept an invitation
invitation-title = Join { $team }
invitation-lead = { $inviter } invites you to learn in this team.
invitation-lead-company = { $company } invites you to learn in this team.
invitation-team = Team
invitation-organization = Organization
invitation-role = Your role
invitation-products = You get
invitation-for = Invitation for
invitation-until = Open until
invitation-name = Your name
invitation-accept = Accept and join
invitation-decline = Decline
invitation-other = You are signed in as { $email }, and this invitation is for { $invited }. Accepting signs the other person out here; if you do not want that, close this page: nothing has happened.
invitation-sign-in = This address has an account already. Sign in as { $email } and accept then.
invitation-sign-in-button = Sign in and accept
invitation-declined-title = You have declined
invitation-declined = Whoever invited you sees it. If you change your mind, ask them for a new invitation.
invitation-full = There is no free place for you at the moment. The invitation stays open: ask whoever invited you.
invitation-superseded-title = There is a newer invitation
invitation-superseded = This invitation was sent to you again, and only the newest mail works. Please open the link in that one.
invitation-accepted-title = This invitation is accepted
invitation-accepted = You are in the team already. Sign in to see your courses.
invitation-expired-title = This invitation has expired
invitation-expired = Ask whoever invited you to send it again; it takes them one click.
invitation-revoked-title = This invitation was taken back
invitation-revoked = It cannot be used any more. If you think that is a mistake, ask whoever invited you.
invitation-invalid-title = This link does not work
invitation-invalid = Perhaps part of it was lost when it was copied. Open it from the mail again.
invitation-welcome = You are in. Welcome to { $team }!

## Join by a link
join-title = Join { $team }
join-lead = Enter your name and your address. We send you a mail; you join when you open the link in it.
join-lead-approval = Enter your name and your address. We send you a mail to confirm it; then somebody decides on your request.
join-name = Your name
join-email = Your e-mail address
join-domains = Addresses of these domains are taken: { $domains }.
join-submit = Join
join-as = Join as { $name }
join-as-lead = You are signed in as { $email }.
join-not-you = Not you? Sign out first.
join-products = You get
join-name-missing = Please enter your name.
join-email-wrong = This is not a complete e-mail address, such as ada@example.com.
join-sent-title = Check your mail
join-sent = A mail to { $email } is on its way. Open the link in it to join; until then no place is taken. Please look in your spam folder too.
join-confirm-title = Join { $team }?
join-confirm-lead = You join with the address { $email }.
join-confirm-submit = Yes, join
join-confirm-other = You are signed in as { $email } at the moment. Going on signs that person out here.
join-waits-title = Thank you, one moment
join-waits = Your address is confirmed. Somebody decides on your request, and you get a mail then.
join-joined-title = You are in
join-joined = You have joined already. Sign in to see your courses.
join-declined-title = Your request was declined
join-declined = Ask those who gave you the link if you think that is a mistake.
join-lapsed-title = This link has expired
join-lapsed = Open the team's page again and enter your address once more.
join-invalid-title = This link does not work
join-invalid = Perhaps part of it was lost when it was copied, or it is not there any more. Ask those who gave it to you.
join-refused-title = You cannot join at the moment
join-paused = The link is paused. Ask those who gave it to you.
join-not-started = The link opens on { $date }. Please come back then.
join-expired = The link ended on { $date }. Ask those who gave it to you for a new one.
join-used-up = As many people as may have joined by this link. Ask those who gave it to you.
join-domain = This link takes addresses of these domains only: { $domains }.
join-full = There is no free place at the moment. Ask those who gave you the link.
join-deactivated = This person may not sign in here. Ask the company that runs this site.
join-welcome = You are in. Welcome to { $team }!

## Mails about a request to join
joined-heading = You are in the team { $team }
joined-text = Your request was approved. Your courses are open.
joined-button = Go to my courses
declined-heading = Your request to join { $team }
declined-text = Your request to join the team { $team } was declined.

## Mails about seats that run low
seat-low-heading = { $product }: { $used } of { $quantity } places are in use
seat-full-heading = { $product }: all { $quantity } places are in use
seat-low-text = { $free ->
    [0] No place is free any more. Further wishes are refused or wait in line.
    [one] One place is still free.
   *[other] { $free } places are still free.
}
seat-low-way = Add places in time, or take back those that nobody uses.
seat-low-button = Look at the seat
